// The stretch of the session's queue this tab knows, and drafts: grades given on a patch that is not finished yet.

const STRETCH = 90
const REFILL = 60

class Queue {
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

class Draft {
  constructor(session, item, tasks) {
    this.name = `mmdnet:draft:${session}:${item.patch_id}`
    this.tasks = tasks
    this.item = item
    this.grades = {} // task -> grade, or null for unknown
    this.order = [] // tasks in the order they were given, for taking back
    this.step = tasks[0]
    try { Object.assign(this, JSON.parse(localStorage.getItem(this.name)) ?? {}) } catch { localStorage.removeItem(this.name) }
  }

  get open() { return this.tasks.filter((task) => !(task in this.grades)) }
  get empty() { return this.order.length === 0 }

  give(task, grade) {
    this.grades[task] = grade
    this.order = [...this.order.filter((one) => one !== task), task]
    const at = this.tasks.indexOf(task)
    this.step = [...this.tasks.slice(at + 1), ...this.tasks.slice(0, at)].find((one) => !(one in this.grades)) ?? task
    this.keep()
  }

  takeBack() {
    const task = this.order.pop()
    delete this.grades[task]
    this.step = task
    this.keep()
  }

  keep() { localStorage.setItem(this.name, JSON.stringify({ grades: this.grades, order: this.order, step: this.step })) }
  drop() { localStorage.removeItem(this.name) }
}
