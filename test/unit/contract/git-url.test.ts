import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGitUrl, sshPlaceOf } from '../../../src/contract/git-names.ts';

describe('isGitUrl', () => {
  it.each([
    'https://h/x',
    'http://h:80/x',
    'ssh://h/x',
    'ssh://git@h:22/x',
    'git@h:x/y.git',
    'git@h:/x/y.git',
    'ssh://[::1]:2222/x',
    'https://h/x?y=z',
  ])('takes %j', (url) => {
    expect(isGitUrl(url)).toBe(true);
  });

  it.each([
    '',
    'x',
    '/x',
    './x',
    'file:///x',
    'file:x',
    'ext::sh',
    'fd::7',
    'git://h/x',
    'https://u:p@h/x',
    'https://t@h/x',
    'ssh://u:p@h/x',
    'ssh://-o@h/x',
    'ssh://-oX=y/x',
    'ssh://%2doProxyCommand=x/y',
    'ssh://h%20x/y',
    'ssh://u%20@h/x',
    'ssh://h:99999/x',
    'ssh://h:x/y',
    'ssh://h',
    'git@-h:x',
    'git@-oProxyCommand=x:y',
    'git@h://x',
    'git@h:/',
    'git@h:/-x',
    '-u@h:x',
    'git@h:-x',
    'git@h:',
    'h:x',
    'https:h/x',
    'https:/h/x',
    'https:\\\\h\\x',
    'https://h\\x/y',
    'https://-h/x',
    'HTTPS://h/x',
    'https://h',
    'https://h/',
    'https://h/a b',
    'https://h/x\n',
    '\thttps://h/x',
    'https://h/\u007f',
    `https://h/${'x'.repeat(2048)}`,
    'javascript:alert(1)',
    'data:,x',
    'http://[/x',
  ])('refuses %j', (url) => {
    expect(isGitUrl(url)).toBe(false);
  });

  it('takes nothing that git would read as an option, a path or a helper of its own', () => {
    const piece = fc.constantFrom(
      '-',
      '--upload-pack=',
      'https:',
      'ssh:',
      '//',
      '/',
      'h',
      'u',
      '@',
      ':',
      '::',
      'p',
      '\\',
      '.',
      '..',
      ' ',
      '\n',
      'ext',
      'file',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
        const url = pieces.join('');
        const isPlain = /^(?:https?:\/\/[^-@]|ssh:\/\/[^-]|\w[\w.-]*@\w[\w.-]*:(?!\/\/)[^-])/.test(url);
        expect(isPlain || !isGitUrl(url)).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('sshPlaceOf', () => {
  it.each([
    ['git@h.example:x', 'git@h.example', null],
    ['git@h.example:/x', 'git@h.example', null],
    ['ssh://h.example/x', 'h.example', null],
    ['ssh://git@h.example:2222/x', 'git@h.example', '2222'],
    ['ssh://git@[::1]:2222/x', 'git@::1', '2222'],
  ])('agrees with git about where %s is', (url, destination, port) => {
    const env = { PATH: process.env['PATH'], GIT_SSH_COMMAND: 'echo asked-ssh >&2', GIT_SSH_VARIANT: 'ssh' };
    const { stderr } = spawnSync('git', ['ls-remote', url], { env, encoding: 'utf8' });
    const asked = stderr.split('\n').find((line) => line.startsWith('asked-ssh')) ?? '';
    expect(asked.includes(` ${destination} git-upload-pack `)).toBe(true);
    expect(/ -p (\d+) /.exec(asked)?.[1] ?? null).toBe(port);
    const host = destination.replace('git@', '');
    expect(sshPlaceOf(url)).toEqual({ host, port: Number(port ?? '22') });
  });

  it('is nowhere for another protocol', () => {
    expect(sshPlaceOf('https://h/x')).toBeNull();
  });
});
