import { z } from 'zod';

const FORBIDDEN_IN_REF = /[\u0000-\u0020\u007f~^:?*[\\]/;

/** Whether git accepts `name` as a branch name: the rules of https://git-scm.com/docs/git-check-ref-format --branch. */
export function isBranchName(name: string): boolean {
  return (
    name.length > 0 &&
    name.length <= 200 &&
    !FORBIDDEN_IN_REF.test(name) &&
    !name.startsWith('-') &&
    name !== 'HEAD' &&
    name !== '@' &&
    !name.includes('..') &&
    !name.includes('@{') &&
    !name.endsWith('.') &&
    name.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'))
  );
}

const SSH_USER = '[A-Za-z0-9_][A-Za-z0-9_.-]*';
const SSH_HOST = '[A-Za-z0-9][A-Za-z0-9.-]*';
/** `user@host:path` of https://git-scm.com/docs/git-clone#_git_urls; before `://` git would read a protocol. */
const SCP_LIKE = new RegExp(String.raw`^${SSH_USER}@(${SSH_HOST}):\/?[^-:/][^:]*$`);
const SSH_URL = new RegExp(
  String.raw`^ssh:\/\/(?:${SSH_USER}@)?(?:(${SSH_HOST})|\[([\da-fA-F:.]+)\])(?::(\d+))?\/.`,
);

/** Whether `url` is a form of remote that Relight talks to: http(s) without a password, ssh, or `user@host:path`. */
export function isGitUrl(url: string): boolean {
  if (url.length > 2048 || /[\u0000-\u0020\u007f]/.test(url)) return false;
  if (sshPlaceOf(url) !== null) return true;
  // Without the slashes git reads a host called `https`, where the URL parser is lenient; and so it is with backslashes.
  if (!/^https?:\/\/[^-/@\\][^\\]*$/.test(url) || !URL.canParse(url)) return false;
  const { username, password, pathname } = new URL(url);
  return pathname.length > 1 && username === '' && password === '';
}

/** The host and port that git gives to ssh for this address, null for other protocols. */
export function sshPlaceOf(url: string): { host: string; port: number } | null {
  const scpHost = SCP_LIKE.exec(url)?.[1];
  if (scpHost !== undefined) return { host: scpHost, port: 22 };
  const [whole, name, address, port = '22'] = SSH_URL.exec(url) ?? [];
  return whole === undefined || Number(port) > 65_535
    ? null
    : { host: name ?? address ?? '', port: Number(port) };
}

export const BranchName = z
  .string()
  .refine(isBranchName, { message: 'is not a branch name that git accepts' });

export const GitUrl = z.string().refine(isGitUrl, {
  message: 'must be an http(s) or ssh git URL without a password; secrets belong in `credential`',
});
