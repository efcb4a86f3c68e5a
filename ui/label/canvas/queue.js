// The stretch of the session's queue this tab knows.

const STRETCH = 90
const REFILL = 60

export class Queue {
  // `kept`: places from the one on the screen that stay as they are when the order changes, as the lab keeps them.
  constructor(api, kept) {
    this.api = api
    this.kept = kept
    this.items = []
    this.known = new Set()
    this.ended = false
    this.loading = null
  }

  // Start around a position; the first item at or after it becomes the one to show.
  async open(position) {
    this.items = []
    this.known.clear()
    this.ended = false
    const from = Math.max(0, position - 20)
    await this.load(from)
    const at = this.items.findIndex((item) => item.position >= position)
    return at < 0 ? this.items.length : at
  }

  async load(offset) {
    const { items } = await this.api.get(`/api/label/queue?offset=${offset}&limit=${STRETCH}`)
    for (const item of items) if (!this.known.has(item.patch_id)) { this.known.add(item.patch_id); this.items.push(item) }
    this.ended = items.length < STRETCH
  }

  // Load more when the reader comes near the end of what is known; a failure is tried again at the next step.
  refill(at) {
    if (this.ended || this.loading || this.items.length - at > REFILL) return this.loading
    const last = this.items.at(-1)
    this.loading = this.load(last ? last.position + 1 : 0).catch(() => {}).finally(() => (this.loading = null))
    return this.loading
  }

  // The lab has taken the order anew: what lies far enough ahead is asked for again.
  async renew(at) {
    if (this.loading) return
    const kept = this.items.slice(0, at + this.kept)
    const from = kept.at(-1)?.position
    if (from === undefined || kept.length < at + this.kept) return
    const { items } = await this.api.get(`/api/label/queue?offset=${from + 1}&limit=${STRETCH}`)
    const known = new Set(kept.map((item) => item.patch_id))
    this.items = [...kept, ...items.filter((item) => !known.has(item.patch_id))]
    this.known = new Set(this.items.map((item) => item.patch_id))
    this.ended = items.length < STRETCH
  }

  find(patch) { return this.items.findIndex((item) => item.patch_id === patch) }
}
