// node checkout-once.mjs STATE IMAGE DIR: what a program does that uses berth as a library to check an image out.
import { Store } from "../../dist/store/store.js";

const [state, name, dir] = process.argv.slice(2);
const store = await Store.open(state);
const { image } = await store.find(name);
await store.checkout(await store.tree(image), dir);
