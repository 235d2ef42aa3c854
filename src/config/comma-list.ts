/** The entries of a comma-separated text; anything else as it is, for the schema to judge. */
export const splitList = (raw: unknown): unknown =>
  typeof raw === 'string'
    ? raw
        .split(',')
        .map((entry) => entry.trim())
        .filter((entry) => entry !== '')
    : raw;
