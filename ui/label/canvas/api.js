// Requests to our own routes, with this tab's permission in a header; and pictures of patches, fetched and decoded ahead.

class Api {
  constructor(renew) {
    this.token = ''
    this.renew = renew // asks the page for a new permission
    this.asked = 0
  }

  async ask(path, options = {}) {
    const answer = await fetch(path, { ...options, headers: { ...options.headers, 'x-lab-token': this.token } })
    if (answer.ok) return answer
    if (answer.status === 401 && Date.now() - this.asked > 3000) {
      this.asked = Date.now()
      this.renew()
    }
    const problem = new Error((await answer.json().catch(() => ({}))).problem ?? `The lab answered ${answer.status}.`)
    problem.status = answer.status
    throw problem
  }

  async get(path) { return (await this.ask(path)).json() }

  async post(path, body) {
    const sent = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    return (await this.ask(path, sent)).json()
  }

  async picture(path) { return createImageBitmap(await (await this.ask(path)).blob()) }
}

// Messages to the page that nobody asked for: a fresh permission, the end of the queue. They name this page, and would bring
// it back if they overtook or followed a click that is on its way to another one. Streamlit sends a moment after it was told
// to, so it is not enough to look for a click before: what is to be said waits until nobody has pointed at anything else for
// a while, and at least so long from when it came up, since the last label saved is just when a reader turns to a link.
const CLICK_SETTLES_MS = 3000
const STILL_MS = 600

class Messages {
  constructor(root) {
    this.quietFrom = 0
    this.waiting = new Map() // name -> timer
    const wait = (ms) => { this.quietFrom = Math.max(this.quietFrom, performance.now() + ms) }
    this.heard = (event) => {
      if (!event.composedPath().includes(root)) wait(event.type === 'click' ? CLICK_SETTLES_MS : STILL_MS)
    }
    for (const name of ['click', 'pointermove']) window.addEventListener(name, this.heard, true)
  }

  tell(name, send) {
    this.later(name, send, performance.now() + STILL_MS)
  }

  later(name, send, earliest) {
    clearTimeout(this.waiting.get(name))
    const left = Math.max(earliest, this.quietFrom) - performance.now()
    if (left <= 0) return send()
    this.waiting.set(name, setTimeout(() => this.later(name, send, earliest), left))
  }

  close() {
    for (const timer of this.waiting.values()) clearTimeout(timer)
    for (const name of ['click', 'pointermove']) window.removeEventListener(name, this.heard, true)
  }
}

const MOST_AT_ONCE = 4
const MOST_KEPT = 140

class Pictures {
  constructor(api) {
    this.api = api
    this.kept = new Map() // path -> { bitmap, promise }
    this.wanted = []
    this.running = 0
  }

  now(path) { return this.kept.get(path)?.bitmap ?? null }

  // A picture, before all that are only wanted ahead.
  get(path) {
    const known = this.kept.get(path)
    if (known?.promise) return known.promise
    return this.start(path)
  }

  // Pictures that will be needed, the first first; what was wanted before and is not now is dropped.
  want(paths) {
    this.wanted = paths.filter((path) => !this.kept.has(path))
    this.fill()
  }

  start(path) {
    const entry = { bitmap: null, promise: null }
    this.kept.set(path, entry)
    this.running += 1
    entry.promise = this.api.picture(path)
      .then((bitmap) => (entry.bitmap = bitmap), (problem) => { this.kept.delete(path); throw problem })
      .finally(() => { this.running -= 1; this.fill() })
    entry.promise.catch(() => {})
    for (const [old, { bitmap }] of this.kept) {
      if (this.kept.size <= MOST_KEPT) break
      if (bitmap) { bitmap.close(); this.kept.delete(old) }
    }
    return entry.promise
  }

  fill() {
    while (this.running < MOST_AT_ONCE && this.wanted.length) {
      const path = this.wanted.shift()
      if (!this.kept.has(path)) this.start(path)
    }
  }
}
