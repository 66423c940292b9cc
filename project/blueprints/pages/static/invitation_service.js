// The requests that the invitation page sends. Every error is thrown as a ProblemError with the problem to show.

const API = "/api/v1";
const NO_CONNECTION = {
  title: "No connection",
  detail: "The server could not be reached. Try again in a moment.",
};
const INVALID_LINK = {
  title: "Invalid invitation link",
  detail: "This link does not belong to an invitation. It may be incomplete.",
  hint: "Open the link directly from your email, or ask for a new invitation.",
  isFinal: true,
};

// Problems that make this invitation unusable, each with a hint for the user.
const FINAL = {
  "already-a-member": "There is nothing left to do.",
  "invitation-already-accepted": "If you accepted it, you are already a member and there is nothing left to do.",
  "invitation-expired": "Ask the person who invited you for a new invitation.",
  "invitation-replaced": "Open the link in the latest email.",
};

export class ProblemError extends Error {
  constructor(problem) {
    super(problem.title);
    this.problem = problem;
  }
}

export async function lookUp(token) {
  try {
    return await post("/invitations/lookup", { token });
  } catch (error) {
    // A token that is too long or too short fails validation. To the user, it is just an invalid link.
    if (error.problem?.code === "validation-failed") throw new ProblemError(INVALID_LINK);
    throw error;
  }
}

export async function register(token, { displayName, password }) {
  await post("/invitations/register", { token, password, display_name: displayName });
}

export async function logInAndAccept(token, { email, password }) {
  const session = await post("/auth/login", { email, password });
  try {
    await post("/invitations/accept", { token }, session.access_token);
  } finally {
    // The session was needed only for this request and must not outlive the page.
    await post("/auth/logout", undefined, session.access_token).catch(() => null);
  }
}

async function post(path, body, accessToken) {
  const headers = { Accept: "application/json" };
  if (body) headers["Content-Type"] = "application/json";
  if (accessToken) headers.Authorization = `Bearer ${accessToken}`;
  const response = await send(path, { method: "POST", headers, body: JSON.stringify(body) });
  const content = await response.json().catch(() => null);
  if (!response.ok) throw new ProblemError(asProblem(response, content));
  return content;
}

async function send(path, request) {
  try {
    return await fetch(API + path, { ...request, credentials: "omit", cache: "no-store" });
  } catch {
    throw new ProblemError(NO_CONNECTION);
  }
}

function asProblem(response, content) {
  if (!content?.title) return { title: "Unexpected error", detail: `The server returned status ${response.status}.` };
  if (content.code === "not-found") return INVALID_LINK;
  const detail = fullDetail(response, content);
  return { ...content, detail, hint: FINAL[content.code], isFinal: content.code in FINAL };
}

function fullDetail(response, { status, detail, request_id: requestId }) {
  const seconds = response.headers.get("Retry-After");
  const wait = seconds ? ` Try again in ${seconds} s.` : "";
  return detail + wait + (status >= 500 ? ` (Request ${requestId})` : "");
}
