import { isDeepStrictEqual } from 'node:util';
import { CALLBACKS } from '../src/contract/callbacks.ts';
import type { RestoreAnswer, RestoreRequest } from '../src/contract/control.ts';
import { faultOf, RelightError } from '../src/contract/errors.ts';
import type { Life } from '../src/contract/ids.ts';
import type { RigReport } from '../src/contract/recovery.ts';
import { errorFacts, log } from './log.ts';
import type { WorkerClient } from './worker-client.ts';

/** Reports of this many recoveries are kept per rig, for a recovery that lost the event and asks again. */
const KEPT_REPORTS = 8;

/** Brings one rig back; never throws for what git or a setup refuses. */
export type RestoreRig = (rig: string, request: RestoreRequest, signal: AbortSignal) => Promise<RigReport>;

/** Somebody who waits for the report of a restore. */
interface Asker {
  readonly life: Life;
  readonly recoveryId: string | null;
  readonly event: string | null;
}

/** One restore, under way or waiting, and everybody it is for: the newest asking of each recovery. */
interface Job {
  request: RestoreRequest;
  readonly askers: Map<string | null, Asker>;
}

/** A report that was posted, and the event it was posted for. */
interface Finished {
  readonly request: RestoreRequest;
  readonly event: string | null;
  readonly report: RigReport;
}

interface RigJobs {
  running: Job | null;
  next: Job | null;
  readonly finished: Map<string, Finished>;
  /** How often a restore was asked for. */
  asked: number;
}

/** The restores of all rigs: side by side for different rigs, one after the other within one. */
export class Restores {
  readonly #worker: WorkerClient;
  readonly #restoreRig: RestoreRig;
  readonly #rigs = new Map<string, RigJobs>();
  readonly #stop = new AbortController();

  constructor(worker: WorkerClient, restoreRig: RestoreRig) {
    this.#worker = worker;
    this.#restoreRig = restoreRig;
  }

  /**
   * Takes a request on; its report is posted when it is there. A recovery that waits anew for a report that is here
   * already gets it as the answer. One that asks as it did before is a replay, and a failure is worth another try: both
   * are carried out, which is cheap where all is in place.
   */
  ask(rig: string, request: RestoreRequest): RestoreAnswer {
    const jobs = this.#jobsOf(rig);
    jobs.asked += 1;
    const kept = request.recoveryId === null ? undefined : jobs.finished.get(request.recoveryId);
    if (jobs.running !== null && covers(jobs.running.request, request)) {
      addAsker(jobs.running, request);
    } else if (kept !== undefined && answers(kept, request)) {
      return { state: 'finished', report: kept.report };
    } else if (jobs.running === null) {
      jobs.running = jobFor(request);
      void this.#work(rig, jobs, jobs.running);
    } else {
      jobs.next = jobs.next === null ? jobFor(request) : merged(jobs.next, request);
    }
    return { state: 'restoring' };
  }

  /** How often the rig was asked for in this boot. */
  askedFor(rig: string): number {
    return this.#rigs.get(rig)?.asked ?? 0;
  }

  /** What was restored of the rig is gone: no report of it answers anybody any more. */
  forget(rig: string): void {
    this.#rigs.get(rig)?.finished.clear();
  }

  /** Cuts off what runs; no report is posted any more. */
  abort(): void {
    this.#stop.abort(new RelightError('draining', 'The container is shutting down'));
  }

  async #work(rig: string, jobs: RigJobs, first: Job): Promise<void> {
    let job: Job | null = first;
    while (job !== null && !this.#stop.signal.aborted) {
      jobs.running = job;
      const report = await this.#carryOut(rig, job);
      for (const asker of job.askers.values()) {
        if (asker.recoveryId !== null)
          keep(jobs, asker.recoveryId, { request: job.request, event: asker.event, report });
        void this.#post(asker, report);
      }
      job = jobs.next;
      jobs.next = null;
    }
    jobs.running = null;
  }

  async #carryOut(rig: string, job: Job): Promise<RigReport> {
    const began = performance.now();
    const report = await this.#report(rig, job.request);
    const { status, fault, agents } = report;
    const ms = Math.round(performance.now() - began);
    const { recoveryId } = job.request;
    log.info('rig.restored', {
      recoveryId,
      rig,
      status,
      fault: fault?.code ?? null,
      agents: agents.length,
      ms,
    });
    return report;
  }

  async #report(rig: string, request: RestoreRequest): Promise<RigReport> {
    try {
      return await this.#restoreRig(rig, request, this.#stop.signal);
    } catch (error) {
      const { code, reason } = errorFacts(error);
      log.error('rig.restore-broke', { rig, code, reason });
      const fault = faultOf(error instanceof RelightError ? error.code : 'internal', reason);
      return { rig, status: 'failed', fault, phases: [], agents: [] };
    }
  }

  async #post({ life, recoveryId, event }: Asker, report: RigReport): Promise<void> {
    const options = { patience: 'endless', signal: this.#stop.signal } as const;
    try {
      await this.#worker.call(CALLBACKS.rigReport, { life, recoveryId, event, report }, options);
    } catch (error) {
      // Refused, fenced off or shut down: the next recovery asks for a restore of its own.
      log.warn('rig.report-not-taken', { rig: report.rig, recoveryId, ...errorFacts(error) });
    }
  }

  #jobsOf(rig: string): RigJobs {
    const jobs = this.#rigs.get(rig) ?? { running: null, next: null, finished: new Map(), asked: 0 };
    this.#rigs.set(rig, jobs);
    return jobs;
  }
}

function answers({ request: done, event, report }: Finished, request: RestoreRequest): boolean {
  return event !== request.event && report.fault === null && covers(done, request);
}

function jobFor(request: RestoreRequest): Job {
  return { request, askers: new Map([[request.recoveryId, askerOf(request)]]) };
}

function addAsker(job: Job, request: RestoreRequest): void {
  job.askers.set(request.recoveryId, askerOf(request));
}

function askerOf({ life, recoveryId, event }: RestoreRequest): Asker {
  return { life, recoveryId, event };
}

/** The newer request's word counts, and what only the waiting one asked for is kept. */
function merged(waiting: Job, request: RestoreRequest): Job {
  const named = new Set(request.agents.map(({ agent }) => agent));
  const others = waiting.request.agents.filter(({ agent }) => !named.has(agent));
  const job = { request: { ...request, agents: [...others, ...request.agents] }, askers: waiting.askers };
  addAsker(job, request);
  return job;
}

/** Whether carrying out `request` does everything that `other` asks for. */
function covers(request: RestoreRequest, other: RestoreRequest): boolean {
  const sources = [request, other].map(
    ({ gitUrl, defaultBranch, credential, setupCommand, history, sparse }) => {
      return { gitUrl, defaultBranch, credential, setupCommand, history, sparse };
    },
  );
  if (!isDeepStrictEqual(sources[0], sources[1])) return false;
  return other.agents.every((wanted) =>
    request.agents.some(
      ({ agent, bead, branch, baseBranch }) =>
        agent === wanted.agent &&
        bead === wanted.bead &&
        branch === wanted.branch &&
        baseBranch === wanted.baseBranch,
    ),
  );
}

function keep(jobs: RigJobs, recoveryId: string, finished: Finished): void {
  jobs.finished.delete(recoveryId);
  jobs.finished.set(recoveryId, finished);
  const [oldest] = jobs.finished.keys();
  if (jobs.finished.size > KEPT_REPORTS && oldest !== undefined) jobs.finished.delete(oldest);
}
