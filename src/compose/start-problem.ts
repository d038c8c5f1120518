/** Something an operator can mend keeps us from starting; the message says what it is and what to do. */
export class StartProblem extends Error {
  override readonly name = 'StartProblem';
}
