/** These files come as text, by a rule in wrangler.toml. */
declare module '*.css' {
  const text: string;
  export default text;
}
declare module '*.svg' {
  const text: string;
  export default text;
}
declare module '*/assets/live.js' {
  const text: string;
  export default text;
}
