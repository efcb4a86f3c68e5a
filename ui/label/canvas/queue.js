// The stretch of the session's queue this tab knows.

const STRETCH = 90
const REFILL = 60

export class Queue {
  constructor(api) {
    this.api = api
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

  find(patch) { return this.items.findIndex((item) => item.patch_id === patch) }
}
