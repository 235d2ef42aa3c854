/** What reads the answers of a client of Nest, as far as it is used here. */
interface Deserializer {
  deserialize(value: unknown, options?: object): unknown;
}

/**
 * Contains answers that cannot be read. Nest's client of NATS reads each in a promise that nobody owns: text that is no JSON
 * would be an unhandled rejection, which ends a process, and its question would wait for the time limit. [N6] [M1]
 */
export function containAnswers(client: object): void {
  const { deserializer } = client as { deserializer?: Deserializer };
  if (deserializer === undefined) return;
  const contained: Deserializer = {
    deserialize: async (value, options) => {
      try {
        return await deserializer.deserialize(value, options);
      } catch {
        return { err: new Error('the answer cannot be read'), isDisposed: true };
      }
    },
  };
  Object.assign(client, { deserializer: contained });
}
