// Requests to our own routes, with this tab's permission in a header.

import { TOKEN_HEADER } from '../../shell/token.js'

export class Api {
  constructor(renew) {
    this.token = ''
    this.base = '' // the sub-path the lab is reached by
    this.renew = renew // asks the page for a new permission
    this.asked = 0
  }

  async ask(path, options = {}) {
    const answer = await fetch(this.base + path, { ...options, headers: { ...options.headers, [TOKEN_HEADER]: this.token } })
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
