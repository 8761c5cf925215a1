/** Loads: with a server it is tested in its own package. */
export async function check() {}
