import { describe, expect, it } from 'vitest';
import { gitHostOf, isPrivateHost, isPublicAddress } from '../../../src/contract/git-hosts.ts';
import { isGitUrl } from '../../../src/contract/git-names.ts';

const PRIVATE = [
  'http://127.0.0.1/r.git',
  'http://127.1:8080/r.git',
  'http://2130706433/r.git',
  'http://0x7f000001/r.git',
  'http://0177.0.0.1/r.git',
  'http://0/r.git',
  'https://10.1.2.3/r.git',
  'https://172.16.0.1/r.git',
  'https://172.31.255.255/r.git',
  'https://192.168.1.1/r.git',
  'https://100.64.0.1/r.git',
  'http://169.254.169.254/latest/meta-data.git',
  'http://169.254.170.2/r.git',
  'http://224.0.0.1/r.git',
  'http://255.255.255.255/r.git',
  'http://198.18.0.1/r.git',
  'http://192.0.2.1/r.git',
  'http://240.0.0.1/r.git',
  'http://[::1]/r.git',
  'http://[::]/r.git',
  'http://[fe80::1]/r.git',
  'http://[fd00:ec2::254]/r.git',
  'http://[fc00::1]/r.git',
  'http://[ff02::1]/r.git',
  'http://[::ffff:127.0.0.1]/r.git',
  'http://[::ffff:a9fe:a9fe]/r.git',
  'http://[64:ff9b::7f00:1]/r.git',
  'http://[2002:7f00:1::]/r.git',
  'http://localhost/r.git',
  'http://LOCALHOST:3000/r.git',
  'http://localhost./r.git',
  'http://git.localhost/r.git',
  'http://metadata.google.internal/r.git',
  'http://printer.local/r.git',
  'http://nas.home.arpa/r.git',
  'ssh://git@127.0.0.1/r.git',
  'ssh://git@[::1]:2222/r.git',
  'ssh://git@[::ffff:10.0.0.1]/r.git',
  'ssh://git@2130706433/r.git',
  'git@localhost:r.git',
  'git@10.0.0.1:r.git',
  'git@0x7f.1:r.git',
];

const PUBLIC = [
  'https://github.com/acme/app.git',
  'https://git.acme.example:8443/app.git',
  'https://140.82.112.3/app.git',
  'https://[2606:50c0:8000::153]/app.git',
  'https://[::ffff:140.82.112.3]/app.git',
  'https://172.32.0.1/app.git',
  'https://localhost.acme.example/app.git',
  'https://internal.acme.example/app.git',
  'ssh://git@github.com/acme/app.git',
  'git@github.com:acme/app.git',
];

describe('the host of a git URL', () => {
  it.each(PRIVATE)('%s is not on the public internet', (url) => {
    expect(isGitUrl(url), 'it is a git URL all the same').toBe(true);
    const host = gitHostOf(url);
    expect(host === null || isPrivateHost(host), String(host)).toBe(true);
  });

  it.each(PUBLIC)('%s may be', (url) => {
    expect(isGitUrl(url)).toBe(true);
    expect(isPrivateHost(gitHostOf(url) ?? 'localhost')).toBe(false);
  });
});

describe('an address that a name resolves to', () => {
  it('is public only if it is an address, and one for general use', () => {
    for (const address of ['140.82.112.3', '2606:50c0:8000::153'])
      expect(isPublicAddress(address)).toBe(true);
    for (const address of ['', 'example.com', 'fe80::1%eth0', '::ffff:192.168.0.1', '100.127.255.255', '::'])
      expect(isPublicAddress(address), address).toBe(false);
  });
});
