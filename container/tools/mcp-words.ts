// What models are told about the tools.

/** The server's instructions, which many clients put in front of the model. */
export const INSTRUCTIONS =
  'You work on a disk that may vanish at any moment. Call gt_prime first: it has your task and what you did before. ' +
  'Commit and push often, save a checkpoint with gt_checkpoint after each milestone, and call gt_done when the task ' +
  'is finished.';

const HERE_ONLY = { openWorldHint: false, destructiveHint: false } as const;

/** Titles, descriptions and annotations, by what they describe. */
export const ABOUT = {
  prime: {
    title: 'Read your context',
    description:
      'Gives your context: who you are, your bead (the task on your hook), your git branch, your last checkpoint, and ' +
      'what was brought back if the container was restarted. Call it before anything else, and again whenever you ' +
      'are not sure where you stand. Changes nothing.',
    annotations: { ...HERE_ONLY, readOnlyHint: true, idempotentHint: true },
  },
  checkpoint: {
    title: 'Save your progress',
    description:
      'Saves your progress outside this container, whose disk may vanish at any moment. The newest checkpoint is part ' +
      'of your context when you are started again. Call it after each milestone, before risky or long work, and when ' +
      'you are stuck. Commit and push first: the checkpoint names your current commit. Say what is done, what comes ' +
      'next, and what was tried without success.',
    annotations: { ...HERE_ONLY, readOnlyHint: false, idempotentHint: false },
  },
  done: {
    title: 'Finish your bead',
    description:
      'Finishes your bead: pushes your branch, proves that the remote has your last commit, and takes the bead off ' +
      'your hook. Call it once, at the very end, when everything is committed; then stop working. If it is refused, ' +
      'the answer says what to do, and the bead is still yours. Safe to repeat.',
    annotations: { readOnlyHint: false, idempotentHint: true, destructiveHint: false, openWorldHint: true },
  },
  primeResource: {
    title: 'Your context',
    description:
      'The same as gt_prime: your bead, branch, checkpoint and what was brought back, as Markdown.',
  },
  polecatPrompt: {
    title: 'Work as a polecat',
    description: 'How to work on a bead so that nothing is lost: start, save, get unstuck, finish.',
  },
} as const;
