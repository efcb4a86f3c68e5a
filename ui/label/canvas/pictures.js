// Pictures of patches, fetched and decoded ahead.

const MOST_AT_ONCE = 4
const MOST_KEPT = 140

export class Pictures {
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
