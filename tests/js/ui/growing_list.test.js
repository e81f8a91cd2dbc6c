/** Long lists: the first rows at once, the others when the page is idle, none built twice. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

const { GrowingList } = await import("../../../static/js/ui/growing_list.js");

/** As much of a list element as is asked for. */
function fakeList() {
  const list = {
    /** @type {any[]} */
    children: [],
    insertBefore(/** @type {any} */ row, /** @type {any} */ before) {
      row.remove();
      const place = before ? list.children.indexOf(before) : list.children.length;
      list.children.splice(place, 0, row);
    },
  };
  return list;
}

/** @param {any} list */
function desk(list) {
  /** @type {Map<object, number>} */
  const made = new Map();
  let updates = 0;
  const rows = new GrowingList(list, (/** @type {any} */ item) => {
    made.set(item, (made.get(item) ?? 0) + 1);
    const row = {
      item,
      remove: () => {
        const place = list.children.indexOf(row);
        if (place >= 0) list.children.splice(place, 1);
      },
    };
    return { row: /** @type {any} */ (row), update: () => void updates++ };
  });
  return { rows, made, updated: () => updates };
}

const items = Array.from({ length: 130 }, (_, id) => ({ id }));
const shown = (/** @type {any} */ list) => list.children.map((/** @type {any} */ row) => row.item.id);

test("a long list grows while the page is idle", async () => {
  const list = fakeList();
  const { rows, made } = desk(list);
  rows.show(items);
  assert.ok(list.children.length >= 20 && list.children.length < 60);
  while (list.children.length < items.length) await pause(5);
  assert.deepEqual(
    shown(list),
    items.map(({ id }) => id),
  );
  rows.show(items.slice(5).reverse());
  assert.deepEqual(
    shown(list),
    items
      .slice(5)
      .reverse()
      .map(({ id }) => id),
  );
  assert.ok([...made.values()].every((times) => times === 1));
});

test("what is shown again is updated, and another list begins small", async () => {
  const list = fakeList();
  const { rows, updated } = desk(list);
  rows.show(items.slice(0, 3));
  rows.show(items.slice(0, 3));
  assert.equal(updated(), 6);
  rows.show(items);
  while (list.children.length < items.length) await pause(5);
  const others = items.map(({ id }) => ({ id: 1000 + id }));
  rows.show(others);
  assert.ok(list.children.length < 60);
  assert.equal(shown(list)[0], 1000);
  rows.show([]);
  await pause(80);
  assert.equal(list.children.length, 0);
});
