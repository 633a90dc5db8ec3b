import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const ROOT = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The Dockerfile's instructions, without comments and with continued lines joined. */
const INSTRUCTIONS = read('container/Dockerfile')
  .replaceAll(/^\s*#.*\n/gm, '')
  .replaceAll(/\\\n\s*/g, '')
  .split('\n')
  .flatMap((line) => {
    const [, name, text] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    return name === undefined || text === undefined ? [] : [{ name, text }];
  });

function all(name: string): string[] {
  return INSTRUCTIONS.filter((each) => each.name === name).map(({ text }) => text);
}

const Manifest = z.object({ devDependencies: z.record(z.string(), z.string()) });
const TestAgents = z.object({ optionalDependencies: z.record(z.string(), z.string()) });

/** The rules of hadolint that have a say in this file, by their names there. */
describe('the Dockerfile', () => {
  it('DL3006, DL3007: builds on bases with a tag that is not "latest"', () => {
    const bases = all('FROM').map((text) => text.split(' ')[0]);
    expect(bases.length).toBeGreaterThan(0);
    for (const base of bases) expect(base).toMatch(/^[a-z]+:(?!latest)[\w.-]+$/);
  });

  it('has the Node that the tests run with, and its Debian release in both bases', () => {
    const { devDependencies } = Manifest.parse(JSON.parse(read('package.json')));
    const [node, debian] = all('FROM');
    expect(node).toBe(`node:${devDependencies['node']}-bookworm-slim AS node`);
    expect(debian).toBe('debian:bookworm-slim');
  });

  it('DL3009, DL3014, DL3015: installs with --yes and without recommended packages, and leaves no lists behind', () => {
    const installs = all('RUN').filter((text) => text.includes('apt-get install'));
    expect(installs).toHaveLength(1);
    for (const text of installs) {
      expect(text).toContain('apt-get update && apt-get install --yes --no-install-recommends ');
      expect(text).toMatch(/&& rm -rf \/var\/lib\/apt\/lists\/\*$/);
    }
  });

  it('DL3025: starts its program without a shell in between', () => {
    for (const text of [...all('ENTRYPOINT'), ...all('CMD')])
      expect(z.array(z.string()).min(1).safeParse(JSON.parse(text)).success, text).toBe(true);
    expect([all('ENTRYPOINT').length, all('CMD').length]).toEqual([1, 1]);
  });

  it('DL3003, DL3004, DL3020, DL3027, DL4006: has no cd, sudo, ADD, apt, and no pipe whose failure is lost', () => {
    expect(all('ADD')).toEqual([]);
    for (const text of all('RUN'))
      expect(text).not.toMatch(/\bcd |\bsudo\b|\bapt (?:install|update)|[^|]\|[^|]/);
  });

  it('DL3045, DL3000: copies to absolute paths, or below one', () => {
    const copies = INSTRUCTIONS.filter(
      ({ name }) => name === 'COPY' || name === 'WORKDIR' || name === 'FROM',
    );
    let dir: string | null = null;
    for (const { name, text } of copies) {
      if (name === 'FROM') dir = null;
      else if (name === 'WORKDIR') dir = text;
      else expect(dir ?? text.split(' ').at(-1), text).toMatch(/^\//);
    }
  });

  it('DL3016: names the version of each tool for agents, those of the tests where they run the tool', () => {
    const script = read('container/agent-tools.sh');
    const pinned = [...script.matchAll(/^ {4}(\w+)\) package=(@?[\w/-]+)@(\S+) ;;$/gm)];
    const versions = Object.fromEntries(pinned.map(([, tool, , version]) => [tool, version]));
    expect(Object.keys(versions)).toEqual(['kilo', 'opencode', 'claude', 'codex']);
    const { optionalDependencies } = TestAgents.parse(JSON.parse(read('test/agents/package.json')));
    expect(versions).toMatchObject({
      kilo: optionalDependencies['@kilocode/cli-linux-x64'],
      opencode: optionalDependencies['opencode-linux-x64'],
    });
    for (const version of Object.values(versions)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('is sent all that it copies, and nothing else of the repository', () => {
    const wanted = all('COPY')
      .filter((text) => !text.startsWith('--from='))
      .flatMap((text) => text.split(' ').slice(0, -1));
    for (const path of wanted) expect(existsSync(join(ROOT, path)), path).toBe(true);
    const sent = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const topmost = wanted.filter((path) => !wanted.some((each) => path.startsWith(`${each}/`)));
    // A folder above one that is wanted has to be let through before the rest of it is taken out again.
    expect(sent.toSorted()).toEqual([...new Set([...topmost, 'src'])].toSorted());
    expect(read('.dockerignore').split('\n')).toContain('src/*');
  });
});
