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

/** Whether `url` is a form of remote that Relight talks to: http(s) without a password, ssh, or `user@host:path`. */
export function isGitUrl(url: string): boolean {
  if (url.length > 2048 || /[\u0000-\u0020\u007f]/.test(url) || url.startsWith('-')) return false;
  const scpLike = /^[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^-:/][^:]*$/;
  if (scpLike.test(url)) return true;
  // Without the slashes git reads a host called `https`, where the URL parser is lenient.
  if (!/^(?:https?|ssh):\/\//.test(url) || !URL.canParse(url)) return false;
  const { protocol, hostname, username, password, pathname } = new URL(url);
  if (hostname === '' || hostname.startsWith('-') || pathname.length < 2 || password !== '') return false;
  return protocol === 'ssh:' ? !username.startsWith('-') : /^https?:$/.test(protocol) && username === '';
}

export const BranchName = z
  .string()
  .refine(isBranchName, { message: 'is not a branch name that git accepts' });

export const GitUrl = z.string().refine(isGitUrl, {
  message: 'must be an http(s) or ssh git URL without a password; secrets belong in `credential`',
});
