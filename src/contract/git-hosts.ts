import ipaddr from 'ipaddr.js';
import { sshPlaceOf } from './git-names.ts';

/**
 * Names that lead to no public host wherever they resolve: RFC 6761 (localhost), RFC 6762 (.local), RFC 8375 (.home.arpa),
 * and .internal, which ICANN keeps for private use and clouds give to their metadata servers.
 */
const PRIVATE_NAME = /(?:^|\.)(?:localhost|local|internal|home\.arpa)$/;

/**
 * The host of a git URL as it is connected to: lower case, without brackets and a dot at its end, IPv4 addresses in any
 * form that the URL Standard knows (decimal, octal, hexadecimal, short) in the usual one. Null where it is no host.
 */
export function gitHostOf(gitUrl: string): string | null {
  const sshHost = sshPlaceOf(gitUrl)?.host;
  // Through the URL of another protocol: only those of http are read that thoroughly (https://url.spec.whatwg.org/#host-parsing).
  const url = sshHost === undefined ? gitUrl : `http://${sshHost.includes(':') ? `[${sshHost}]` : sshHost}/`;
  if (!URL.canParse(url)) return null;
  const { hostname } = new URL(url);
  return hostname.replaceAll(/^\[|\]$|\.+$/g, '') || null;
}

/**
 * Whether an IP address is one of the public internet: none for special purposes, such as loopback, link-local (which
 * metadata servers have), private, carrier-grade NAT, unique local, multicast or one that holds an IPv4 address, unless
 * that is public (https://www.iana.org/assignments/iana-ipv4-special-registry and its sibling for IPv6).
 */
export function isPublicAddress(address: string): boolean {
  // Without the zone of a link-local address.
  const [plain = ''] = address.split('%');
  return ipaddr.isValid(plain) && ipaddr.process(plain).range() === 'unicast';
}

/** Whether a name leads to no public host, whatever it resolves to. */
export function isPrivateName(name: string): boolean {
  return PRIVATE_NAME.test(name);
}

/** Whether the host of a git URL is not public as far as its text tells; what a name resolves to is another question. */
export function isPrivateHost(host: string): boolean {
  return ipaddr.isValid(host) ? !isPublicAddress(host) : isPrivateName(host);
}
