/** Whose view a picture can show. */
export const PICTURE_ENDS = ["client", "server", "both"] as const;

/** Whose view a picture shows. */
export type PictureEnd = typeof PICTURE_ENDS[number];
