// A file as it was when it was first looked at.

/** Reading a range later refuses when size or time have changed, so that nobody mixes two versions of a model. */
export interface FileRef {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
}
