import type { Problem } from '../../contract/errors.ts';
import type { Action, Subject } from './actions.ts';
import { Page } from './layout.tsx';

/** Where an operator shows the token; `to` is the page that was asked for, `refusal` why the last try failed. */
export function SignInPage({ to, refusal }: { to: string; refusal: string | null }) {
  return (
    <Page title="Sign in" operator={null}>
      <form class="card narrow" method="post" action="/sign-in">
        <h1>Sign in</h1>
        {refusal !== null && (
          <p class="notice refused" id="refusal" role="alert">
            {refusal}
          </p>
        )}
        <input type="hidden" name="to" value={to} />
        <label for="token">Operator token</label>
        <input
          id="token"
          name="token"
          type="password"
          autocomplete="current-password"
          required
          autofocus
          aria-describedby={refusal === null ? undefined : 'refusal'}
        />
        <button class="primary">Sign in</button>
      </form>
    </Page>
  );
}

interface ConfirmProps {
  readonly operator: string;
  readonly action: Action;
  readonly subject: Subject;
  /** Where it leads not to do it. */
  readonly back: string;
}

/** Says what an action will do, and does it when that is wanted. */
export function ConfirmPage({ operator, action, subject, back }: ConfirmProps) {
  const { town, bead } = subject;
  return (
    <Page title={action.title(subject)} operator={operator} crumbs={[{ name: town, href: `/towns/${town}` }]}>
      <form class="card narrow" method="post">
        <h1>{action.title(subject)}?</h1>
        <p>{action.effect}</p>
        {bead !== null && <input type="hidden" name="bead" value={bead} />}
        <p class="actions">
          <button class={action.isDangerous ? 'danger' : 'primary'} autofocus={!action.isDangerous}>
            {action.button}
          </button>
          <a class="button" href={back}>
            Leave it
          </a>
        </p>
      </form>
    </Page>
  );
}

/** A refusal or a failure as a page. */
export function ProblemPage({ problem, operator }: { problem: Problem; operator: string | null }) {
  return (
    <Page title={problem.title} operator={operator}>
      <div class="card narrow">
        <h1>{problem.title}</h1>
        <p>
          {problem.detail} <code>{problem.code}</code>
        </p>
        <p>
          <a href="/">To the towns</a>
        </p>
      </div>
    </Page>
  );
}
