/**
 * What a shell is given so that it asks `relight complete -- WORDS…` when the tab key is pressed, where the last word is the
 * one that the cursor is on. Each answer is a line: a word, a tab, and what it does.
 */
export const SCRIPTS = {
  bash: `_relight() {
  local IFS=$'\\n'
  COMPREPLY=($(relight complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1))
  [[ \${COMPREPLY-} == */ ]] && compopt -o nospace
}
complete -F _relight relight`,
  zsh: `#compdef relight
_relight() {
  local -a whole begun
  local text does
  relight complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null | while IFS=$'\\t' read -r text does; do
    if [[ $text == */ ]]; then begun+=("$text"); else whole+=("\${text//:/\\\\:}\${does:+:$does}"); fi
  done
  (( $#whole )) && _describe relight whole
  (( $#begun )) && compadd -S '' -- $begun
}
compdef _relight relight`,
  fish: `complete --command relight --no-files --arguments \\
  '(relight complete -- (commandline -opc)[2..] "$(commandline -ct)" 2>/dev/null)'`,
} as const;
