/** The phase in which a recovery asks for a rig; each is followed by a wait for the report. */
export const ASK_PHASE = 'ask';

/**
 * The type of the Workflow event that ends the `wait`-th wait for a rig. Each wait has its own, so that one event never
 * ends two. Event types allow neither `.` nor more than 100 characters; ids are lower case, so `D` stands for the dot.
 */
export function rigReadyEvent(rig: string, wait: number): string {
  return `rig-ready-${rig.replaceAll('.', 'D')}-${wait}`;
}
