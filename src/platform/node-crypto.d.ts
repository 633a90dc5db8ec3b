/** What is used of Node's crypto in workerd (nodejs_compat); the types of all of Node do not go with those of Workers. */
declare module 'node:crypto' {
  export function createPrivateKey(pem: string): {
    export(options: { type: 'pkcs1' | 'pkcs8'; format: 'pem' }): string;
  };
  export function createHash(algorithm: 'sha256'): {
    update(text: string): { digest(encoding: 'hex'): string };
  };
}
