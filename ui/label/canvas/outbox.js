// The outbox: acts of the reader on their way to the lab. Each is written to this browser's own storage before anything
// else happens, is sent in order, and leaves only when the lab has answered for it. A reload, a closed lid or a lab that
// is restarting loses nothing; an act sent twice is one label, because its key is the same.

const BATCH = 50
const RETRY_MS = [250, 500, 1000, 2000]

export class Outbox {
  constructor(session, api, changed) {
    this.prefix = `mmdnet:act:${session}:`
    this.api = api
    this.changed = changed // called with nothing whenever what is waiting changes
    this.waiting = new Map() // storage name -> act, in order
    this.watchers = new Map() // act key -> functions to call with its result
    this.failures = 0
    this.trouble = '' // what the lab said why it cannot save now
    this.sending = false
    this.count = 0
    for (const name of Object.keys(localStorage).filter((n) => n.startsWith(this.prefix)).sort()) {
      try { this.waiting.set(name, JSON.parse(localStorage.getItem(name))) } catch { localStorage.removeItem(name) }
    }
  }

  get size() { return this.waiting.size }
  get reachable() { return this.failures === 0 }

  // How many acts of other sessions wait in this browser; they are sent when their session is opened again.
  static elsewhere(session) {
    const own = `mmdnet:act:${session}:`
    return Object.keys(localStorage).filter((name) => name.startsWith('mmdnet:act:') && !name.startsWith(own)).length
  }

  // Keep an act for good and start sending; resolves with the lab's result, or null after `patience` ms without one.
  put(act, patience = 0) {
    const name = `${this.prefix}${String(Date.now()).padStart(14, '0')}-${String(this.count++).padStart(6, '0')}`
    localStorage.setItem(name, JSON.stringify(act))
    this.waiting.set(name, act)
    this.changed()
    const done = new Promise((resolve) => {
      this.watch(act.key, resolve)
      setTimeout(() => resolve(null), this.reachable ? patience : 0)
    })
    this.send()
    return done
  }

  // Call back with the lab's result for the act, whenever it comes.
  watch(key, tell) { this.watchers.set(key, [...(this.watchers.get(key) ?? []), tell]) }

  // Send what a reload left behind, before anything is asked of the lab.
  async flush() {
    this.send()
    while (this.waiting.size && this.reachable) await new Promise((go) => setTimeout(go, 20))
    if (this.waiting.size) throw new Error('The lab does not answer.')
  }

  async send() {
    if (this.sending) return
    this.sending = true
    while (this.waiting.size) {
      const batch = [...this.waiting].slice(0, BATCH)
      try {
        const answer = await this.api.post('/api/label/acts', { acts: batch.map(([, act]) => act) })
        this.failures = 0
        this.trouble = ''
        answer.results.forEach((result, n) => this.settle(batch[n][0], result))
      } catch (problem) {
        if (problem.status === 400 && batch.length === 1) this.settle(batch[0][0], { saved: false, problem: problem.message })
        this.failures += 1
        this.trouble = problem.status === 503 ? problem.message : ''
        for (const tell of [...this.watchers.values()].flat()) tell(null) // nobody waits for a lab that is away
        this.changed()
        await new Promise((go) => setTimeout(go, RETRY_MS[Math.min(this.failures - 1, RETRY_MS.length - 1)]))
      }
    }
    this.sending = false
    this.changed()
  }

  settle(name, result) {
    const act = this.waiting.get(name)
    this.waiting.delete(name)
    localStorage.removeItem(name)
    for (const tell of this.watchers.get(act.key) ?? []) tell(result, act)
    this.watchers.delete(act.key)
    if (!result.saved) this.refused?.(act, result.problem)
    this.changed()
  }
}
