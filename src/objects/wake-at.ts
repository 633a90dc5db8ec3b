/** Brings an object's alarm forward to `at`, in epoch milliseconds; an earlier one stays. */
export async function wakeAt(storage: DurableObjectStorage, at: number): Promise<void> {
  const set = await storage.getAlarm();
  if (set === null || set > at) await storage.setAlarm(at);
}
