/** A timer that fires this much too late tells of an event loop that was held. */
const HELD_MS = 5;

/**
 * Whether `work` is done by `deadline`, a time of performance.now(); rejects as the work does. For as long as the event
 * loop was held then it is waited again, up to `last`: what has come meanwhile gets its turn.
 */
export async function isDoneBy(deadline: number, work: Promise<unknown>, last = deadline): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>();
  let timer: NodeJS.Timeout | undefined;
  const wait = (end: number): void => {
    const onTime = (): void => {
      const now = performance.now();
      if (now - end < HELD_MS || now >= last) resolve(false);
      else wait(Math.min(now + (now - end), last));
    };
    timer = setTimeout(onTime, Math.max(end - performance.now(), 0));
  };
  wait(deadline);
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    // Else it would keep all that the work leads to until it fires.
    clearTimeout(timer);
  }
}
