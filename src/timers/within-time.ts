/**
 * What a promise brings, if it does so in time.
 *
 * @param tooLate the message of the error that it rejects with otherwise; a promise that comes late is not waited for
 */
export async function withinTime<Value>(
  coming: PromiseLike<Value>,
  timeoutMs: number,
  tooLate: string,
): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(tooLate)), timeoutMs);
  });
  try {
    return await Promise.race([coming, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
