/** What `gt --help` prints. */
export const GENERAL_HELP = `gt: an agent's tools

  gt prime [--json]                          who you are, your bead, your branch, your last checkpoint
  gt checkpoint <json|-|@file>               save your progress
  gt done [--pr-url URL] [--summary TEXT]    your bead is finished
  gt status                                  what the control server knows about you, as JSON

gt <command> --help says more.
Exit codes: 0 done, 1 refused (code and reason on standard error), 2 wrong use, 69 the control server is away
(after trying for GT_WAIT_SECONDS, 30 by default).`;

/** What \`gt <command> --help\` prints. */
export const HELP: Readonly<Record<string, string>> = {
  prime: `gt prime [--json]

Prints your context as Markdown, or as JSON. Reading it changes nothing.`,
  checkpoint: `gt checkpoint <json|-|@file>

Saves any JSON value of at most 256 KiB: from the argument, from standard input (-) or from a file (@file).
The newest one of your bead is in your prime when you are started again. Commit and push first: a checkpoint
names your HEAD.`,
  done: `gt done [--pr-url URL] [--summary TEXT] [--discard]

Pushes your branch, proves that the remote has it, and takes the bead off your hook. Refused while something is
not committed, unless --discard leaves it behind. Safe to repeat.`,
  status: `gt status

Prints as JSON: town, rig, agent, bead, branch, head, and how the control server stands.`,
};
