/** What `gt --help` prints. */
export const GENERAL_HELP = `gt: an agent's tools

  gt prime [--json]                 who you are, your bead, your branch, your last checkpoint
  gt checkpoint <json|-|@file>      save your progress
  gt done [--pr-url URL] [--summary TEXT] [--wip | --discard]
                                    your bead is finished
  gt status [--json]                what the control server knows about you, as JSON
  gt mcp                            the same tools over the Model Context Protocol

gt <command> --help says more.
Exit codes: 0 done, 1 refused (code, reason and what to do on standard error), 2 wrong use, 69 the control server is
away (after trying for GT_WAIT_SECONDS, 30 by default).`;

/** What `gt <command> --help` prints, by the command; the first line is its usage. */
export const HELP = {
  prime: `gt prime [--json]

Prints your context as Markdown: who you are, your bead, your branch, how to work, your last checkpoint, and what was
brought back after a restart. Long text is cut in it; --json prints all of it as JSON. Reading it changes nothing.

  gt prime
  gt prime --json > "\${TMPDIR:-/tmp}/prime.json"`,
  checkpoint: `gt checkpoint <json|-|@file>

Saves any JSON value of at most 256 KiB: from the argument, from standard input (-) or from a file (@file).
The newest one of your bead is in your prime when you are started again. Commit and push first: a checkpoint
names your HEAD.

  gt checkpoint '{"done": ["parser"], "next": "tests of the parser"}'
  gt checkpoint @progress.json
  echo '{"next": "the last test"}' | gt checkpoint -`,
  done: `gt done [--pr-url URL] [--summary TEXT] [--wip | --discard]

Pushes your branch, proves that the remote has it, and takes the bead off your hook. Refused while something is
not committed, unless --wip commits it as one last commit or --discard leaves it behind. Safe to repeat.

  gt done --summary "The parser takes comments now"
  gt done --pr-url https://example.com/pull/7`,
  status: `gt status [--json]

Prints as JSON, with --json or without: town, rig, agent, bead, branch, head, and how the control server stands.`,
  mcp: `gt mcp

Serves the tools gt_prime, gt_checkpoint and gt_done, the resource gt://prime and the prompt polecat over the Model
Context Protocol on standard input and output, until the input ends. For the configuration of an MCP client:

  {"mcpServers": {"gt": {"command": "gt", "args": ["mcp"]}}}`,
} as const;
