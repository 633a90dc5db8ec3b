/** One member of a JSON object as text; for the command-line tools, which load no schema library. */
export function field(json: string, name: string): string {
  const value: unknown = JSON.parse(json);
  const entry = Object.entries(value ?? {}).find(([key]) => key === name);
  return String(entry?.[1]);
}
