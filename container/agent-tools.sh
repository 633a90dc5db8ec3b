#!/bin/sh
# Installs the agent tools that AGENT_TOOLS names (words), in the versions that Relight is tested with.
set -eu
# What npm and the tools leave behind must not be in the image: it would be root's, where agents want to write.
export HOME=/tmp/home
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
  # Their install scripts put the program for this machine into its place.
  npm install --global --no-audit --no-fund --allow-scripts="${package%@*}" "$package"
  # A tool that does not start is found out here and not by an agent.
  "$tool" --version
done
rm -rf /tmp/*
