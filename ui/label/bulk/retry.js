// One request until it is answered: a lab that is away is asked again with the same message, whose key makes it one act.

const MOST_TRIES = 20

// Raises what the lab refuses (400, 403), and what is still wrong after the last try. `again` is called before each wait.
export async function keepAsking(ask, again, wait = (ms) => new Promise((go) => setTimeout(go, ms))) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await ask()
    } catch (problem) {
      if (problem.status === 400 || problem.status === 403 || tries > MOST_TRIES) throw problem
      again()
      await wait(Math.min(4000, 300 * 2 ** tries))
    }
  }
}
