/**
 * What the first click waits for, begun before the interface has arrived: the decoder's worker with the model that the page
 * names, and the image that its address names.
 */

import { getMe } from "../../api.js";
import { askForAll } from "./asked.js";
import { Decoders } from "./decoders.js";
import { Queue } from "./queue.js";

export const [, , projectId, , imageId] = location.pathname.split("/").map(Number);

const holder = document.getElementById("model");
export const decoders = new Decoders(holder?.textContent ? JSON.parse(holder.textContent) : null);
export const queue = new Queue(projectId);
export const first = askForAll(imageId, { filter: queue.asked });
first.fetching = new AbortController();
const { signal } = first.fetching;
first.decoder = first.image.then((image) => decoders.load(image, first.embedding, signal));
first.decoder.catch(() => {}); // told when the image is opened
export const me = getMe();
me.catch(() => {}); // told when the page starts
