import { secureHeaders } from 'hono/secure-headers';

/**
 * What a browser may do with a page: only what this Worker serves, nothing inline, in no frame. The origin is sent to the
 * Worker itself (`same-origin`), because by it a form of another site is told apart.
 */
export const pageHeaders = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'"],
    connectSrc: ["'self'"],
    formAction: ["'self'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
  },
  referrerPolicy: 'same-origin',
  xFrameOptions: 'DENY',
});
