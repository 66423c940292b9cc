// What the invitation page asks of the server. What it refuses is thrown as a Refusal, with the problem to show.

const API = "/api/v1";
const NO_CONNECTION = {
  title: "No connection",
  detail: "The server could not be reached. Try again in a moment.",
};
const UNKNOWN_LINK = {
  title: "This link does not work",
  detail: "There is no invitation behind it. Perhaps the link was cut off on its way.",
  hint: "Open it straight from your mail, or ask for a new invitation.",
  isFinal: true,
};

// Refusals that end the invitation, and what to do then, where the problem's own words leave that open.
const FINAL = {
  "already-a-member": "There is nothing left to do here.",
  "invitation-already-accepted": "If that was you, you are a member already: there is nothing left to do here.",
  "invitation-declined": "If that was you and you have changed your mind, ask for a new one.",
  "invitation-expired": "Ask the person who invited you to send a new one.",
  "invitation-replaced": "Look for the newest mail, and open the link in that one.",
  "invitation-revoked": "If you think this is a mistake, ask the person who invited you.",
};

export class Refusal extends Error {
  constructor(problem) {
    super(problem.title);
    this.problem = problem;
  }
}

export async function lookUp(token) {
  try {
    return await post("/invitations/lookup", { token });
  } catch (error) {
    // What is too long or too short to be a token is, to a reader, just another broken link.
    if (error.problem?.code === "validation-failed") throw new Refusal(UNKNOWN_LINK);
    throw error;
  }
}

export async function signUp(token, { displayName, password }) {
  await post("/invitations/register", { token, password, display_name: displayName });
}

export async function signIn(token, { email, password }) {
  const session = await post("/auth/login", { email, password });
  try {
    await post("/invitations/accept", { token }, session.access_token);
  } finally {
    // Nobody needs the session any more, and it should not outlive the page.
    await post("/auth/logout", undefined, session.access_token).catch(() => null);
  }
}

async function post(path, body, accessToken) {
  const headers = { Accept: "application/json" };
  if (body) headers["Content-Type"] = "application/json";
  if (accessToken) headers.Authorization = `Bearer ${accessToken}`;
  const response = await send(path, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Refusal(asProblem(response, answer));
  return answer;
}

async function send(path, request) {
  try {
    return await fetch(API + path, { ...request, credentials: "omit", cache: "no-store" });
  } catch {
    throw new Refusal(NO_CONNECTION);
  }
}

function asProblem(response, answer) {
  if (!answer?.title) return { title: "Something went wrong", detail: `The server answered ${response.status}.` };
  if (answer.code === "not-found") return UNKNOWN_LINK;
  return { ...answer, detail: inFull(response, answer), hint: FINAL[answer.code], isFinal: answer.code in FINAL };
}

function inFull(response, { status, detail, request_id: requestId }) {
  const seconds = response.headers.get("Retry-After");
  const wait = seconds ? ` Try again in ${seconds} s.` : "";
  return detail + wait + (status >= 500 ? ` (Request ${requestId})` : "");
}
