import type { Child } from 'hono/jsx';
import { ASSETS } from './assets.ts';

/** A place on the way from the list of towns to the page. */
export interface Crumb {
  readonly name: string;
  readonly href: string;
}

/** What was done, or why it was not. */
export interface Notice {
  readonly tone: 'done' | 'refused';
  readonly text: string;
}

/** How a page stays up to date: asked for again every so many milliseconds, and when the stream says so. */
export interface Liveness {
  readonly everyMs: number;
  readonly changes?: string;
}

interface PageProps {
  readonly title: string;
  readonly operator: string | null;
  readonly crumbs?: readonly Crumb[];
  readonly notice?: Notice | null;
  readonly live?: Liveness;
  readonly children?: Child;
}

/** The frame of every page. */
export function Page({ title, operator, crumbs = [], notice = null, live, children }: PageProps) {
  const liveness = live === undefined ? {} : { 'data-every': live.everyMs, 'data-changes': live.changes };
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{`${title} – Relight`}</title>
        <link rel="icon" href={ASSETS.icon.path} type="image/svg+xml" />
        <link rel="stylesheet" href={ASSETS.css.path} />
        <script type="module" src={ASSETS.script.path}></script>
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to the page
        </a>
        <header class="top">
          <nav aria-label="Where you are">
            <ol>
              <li>
                <a class="brand" href="/">
                  <img src={ASSETS.icon.path} alt="" width="20" height="20" />
                  Relight
                </a>
              </li>
              {crumbs.map(({ name, href }) => (
                <li>
                  <a href={href}>{name}</a>
                </li>
              ))}
            </ol>
          </nav>
          {operator !== null && <Account operator={operator} isLive={live !== undefined} />}
        </header>
        <p id="said" class="unseen" role="status"></p>
        {notice !== null && (
          <section class="outcome" aria-label="Outcome">
            <p class={`notice ${notice.tone}`} tabindex={-1} autofocus>
              <strong>{notice.tone === 'done' ? 'Done.' : 'Refused.'}</strong> {notice.text}
            </p>
          </section>
        )}
        <main id="main" tabindex={-1} {...liveness}>
          {children}
        </main>
      </body>
    </html>
  );
}

function Account({ operator, isLive }: { operator: string; isLive: boolean }) {
  return (
    <div class="account">
      {isLive && (
        <span class="link">
          <span class="on">Live</span>
          <span class="off">Not live: trying again</span>
        </span>
      )}
      <span>
        <span class="unseen">Signed in as </span>
        {operator}
      </span>
      <form method="post" action="/sign-out">
        <button class="quiet">Sign out</button>
      </form>
    </div>
  );
}
