/**
 * Deciding on what a model proposed: one after the other, or all above a score in one step. Deciding is an ordinary save of the
 * object with another state, so it is kept, undone and repeated like everything else. Rejected objects stay in memory for that.
 */

import { phrase, phrases, t } from "../core/translate.js";
import { Similar } from "./arranging_similar.js";
import { SavedObject } from "./objects.js";

/** @typedef {import("../types.js").Annotation} Annotation */
/** @typedef {"confident" | "largest"} ProposalOrder */

/** @type {Record<ProposalOrder, (object: SavedObject) => number>} greatest first */
const MEASURES = {
  confident: ({ body }) => body.predicted_iou ?? 0,
  largest: ({ runs }) => runs.area,
};

export class Proposing extends Similar {
  /** In which order one goes through proposals. @type {ProposalOrder} */
  proposalOrder = "confident";

  /** What nobody has decided on, as one goes through it: proposals, then what was perhaps missed. */
  undecided() {
    const measure = MEASURES[this.proposalOrder];
    return [...this.objects.values()]
      .filter((object) => object.isUndecided && this.isThere(object))
      .sort((a, b) => Number(a.isMissed) - Number(b.isMissed) || measure(b) - measure(a));
  }

  proposals() {
    return this.undecided().filter((object) => object.isProposal);
  }

  rejected() {
    return [...this.objects.values()].filter((object) => object.isRejected);
  }

  setProposalOrder(/** @type {ProposalOrder} */ order) {
    this.proposalOrder = order;
    this.touch("objects");
  }

  // ---- one after the other -----------------------------------------------------------------------------------------

  /** Open the next proposal or the one before; the first when none is open. @param {1 | -1} step */
  async stepProposal(step) {
    const objects = this.undecided();
    if (!objects.length) return this.tell(t("There is no proposal on this image."));
    const at = objects.findIndex(({ id }) => this.isSelected(id));
    const next = at < 0 ? (step > 0 ? 0 : objects.length - 1) : (at + step + objects.length) % objects.length;
    await this.choose([objects[next].id]);
  }

  /** Keep what is open or selected: for the class that knows how. @returns {Promise<void>} */
  async accept() {}

  /** Accept what is open or selected; after a proposal, open the next one. */
  async acceptAndGoOn() {
    const next = this.#following();
    await this.accept();
    if (next && !this.draft && this.objects.get(next)?.isUndecided) await this.choose([next]);
  }

  /** Reject the proposals that are open or selected, and open the next one. */
  async rejectAndGoOn() {
    const ids = this.selection.filter((object) => object.isUndecided).map(({ id }) => id);
    if (!ids.length) return this.tell(t("Select a proposal to reject it."));
    const next = this.#following();
    this.reject(ids);
    if (next && this.objects.get(next)?.isUndecided) await this.choose([next]);
  }

  /** What comes after the selected proposals. @returns {string | null} */
  #following() {
    const objects = this.undecided();
    const last = objects.findLastIndex(({ id }) => this.isSelected(id));
    if (last < 0) return null;
    const order = [...objects.slice(last + 1), ...objects.slice(0, last)];
    return order.find(({ id }) => !this.isSelected(id))?.id ?? null;
  }

  /** Reject proposals: one step. @param {readonly string[]} ids */
  reject(ids) {
    if (this.isPainting) return;
    const objects = this.#decidable(ids);
    const draft = objects.some(({ id }) => id === this.selectedId) ? this.draft : null;
    const before = draft && this.now();
    if (draft) this.shelve(draft);
    this.#decide(objects, (body) => ({ ...body, state: "rejected" }));
    this.setChosen([...this.chosen].filter((id) => !ids.includes(id)));
    const label = phrases(objects.length, "Reject {number} proposal", "Reject {number} proposals");
    const moments = before && { before, after: { draft: null, snapshot: null } };
    if (objects.length) this.record({ label, moments });
  }

  /** Bring a rejected object back as a proposal. @param {string} id */
  reconsider(id) {
    const object = this.objects.get(id);
    if (!object?.isRejected || this.isPainting) return;
    this.#decide([object], (body) => ({ ...body, state: "proposal" }));
    this.record({ label: phrase("Bring back") });
  }

  // ---- many at once ------------------------------------------------------------------------------------------------

  /** Accept what is selected together, or else what is pending. */
  async acceptChosen() {
    const ids = this.selection.filter((object) => object.isUndecided).map(({ id }) => id);
    if (ids.length) this.acceptProposals(ids);
    else await this.acceptPending();
  }

  /** Accept proposals as they are: one step. Those without a label get the current one. @param {readonly string[]} ids */
  acceptProposals(ids) {
    const objects = this.#decidable(ids);
    if (!objects.length || this.isPainting) return;
    const activeMs = Math.round(this.clock.ms / objects.length);
    this.#decide(objects, (body) => ({
      ...body,
      state: "accepted",
      category_id: body.category_id ?? this.categoryId,
      active_ms: body.active_ms + activeMs,
    }));
    for (const object of objects) this.cutUnder(object);
    this.clock.ms = 0;
    this.setChosen([]);
    this.record({ label: phrases(objects.length, "Accept {number} proposal", "Accept {number} proposals") });
  }

  /** Accept all that the score takes. */
  async acceptAbove() {
    await this.select(null);
    const ids = this.proposals()
      .filter((object) => this.isTaken(object))
      .map(({ id }) => id);
    this.setThreshold(null);
    this.acceptProposals(ids);
  }

  #decidable(/** @type {readonly string[]} */ ids) {
    return ids
      .map((id) => this.objects.get(id))
      .filter((object) => object !== undefined)
      .filter((object) => object.isUndecided && this.mayChange(object.id));
  }

  /**
   * @param {readonly SavedObject[]} objects
   * @param {(body: import("./objects.js").AnnotationBody) => import("./objects.js").AnnotationBody} change
   */
  #decide(objects, change) {
    for (const object of objects) {
      object.body = change(object.body);
      this.put(object);
    }
  }

  // ---- what was perhaps missed -------------------------------------------------------------------------------------

  /** Bring regions that no annotation covers onto the image. @param {readonly Annotation[]} regions */
  showMissed(regions) {
    for (const region of regions) {
      if (region.image_id !== this.image?.id || this.objects.has(region.id)) continue;
      this.objects.set(region.id, SavedObject.of(region));
    }
    this.adopt();
    this.showsMissed = true;
    this.touch("objects");
  }

  async hideMissed() {
    if (this.objects.get(this.selectedId ?? "")?.isMissed) await this.select(null);
    this.setChosen([...this.chosen].filter((id) => !this.objects.get(id)?.isMissed));
    this.showsMissed = false;
    this.touch("objects");
  }
}
