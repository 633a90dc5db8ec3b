#!/bin/sh
# Installs the agent tools that AGENT_TOOLS names (words), in the versions that Relight is tested with.
set -eu
for tool in ${AGENT_TOOLS:-}; do
  case $tool in
    kilo) package=@kilocode/cli@7.7.7 ;;
    opencode) package=opencode-ai@1.18.33 ;;
    claude) package=@anthropic-ai/claude-code@2.1.330 ;;
    codex) package=@openai/codex@0.169.0 ;;
    *)
      echo "AGENT_TOOLS knows kilo, opencode, claude and codex, and not $tool." >&2
      exit 1
      ;;
  esac
  npm install --global --no-audit --no-fund "$package"
  # A tool that does not start is found out here and not by an agent.
  "$tool" --version
done
# Caches are of no use to agents, who have their own, and would stay in the image.
rm -rf "${HOME:-/root}/.npm" /tmp/node-compile-cache
