/** The path of the whole configuration as one document. */
export const configPath = '/config';
