/** Where the app begins: the address that every other one of ours is relative to, also behind a proxy. */

export const ROOT = new URL("../../../../", import.meta.url); // this module is ROOT/vaelab/js/DIGEST/shared/root.js
