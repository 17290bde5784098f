"""A stand-in for the services that agent CLIs talk to: Anthropic Messages,
OpenAI Responses and Chat Completions, Gemini generateContent. Loopback only.

What it receives is the ground truth of the live test: a message counts as
submitted when, and only when, it stands in the user's part of a request.

Words in the last turn steer the answer:
    SLOW     streams until Mock.release() (at most HOLD_S)
    TOOLRUN  asks for the shell command `touch Mock.marker`
anything else is answered at once with one short line."""

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOLD_S = 180
ID = re.compile(r"Q\d{6}Z")
SHELL_TOOLS = re.compile(
    r"(?i)bash|shell|local_shell|exec_command|run_shell_command|shell_command"
)
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def text_of(content):
    """All text in a message's content, in whichever form it came."""
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        return []
    return [
        part["text"]
        for part in content
        if isinstance(part, dict) and isinstance(part.get("text"), str)
    ]


class Request:
    """What one request says: every text of the user's, the texts since the
    last answer, whether a tool's result came last, the tools on offer."""

    def __init__(self):
        self.users = []
        self.turn = []
        self.result = False
        self.tools = []

    def user(self, texts):
        self.users += texts
        self.turn += texts

    def answered(self):
        self.turn = []
        self.result = False


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # programs that are killed break their connections


class Mock:
    def __init__(self, log=None):
        self.lock = threading.Lock()
        self.texts = {}  # id -> the text it first came in
        self.counts = {}  # id -> most texts of one request that hold it
        self.when = {}  # id -> time of its first arrival
        self.requests = 0
        self.running = 0  # requests being answered
        self.ended = 0.0
        self.streaming = threading.Event()
        self.released = threading.Event()
        self.marker = "/nonexistent"
        self.log = open(log, "a") if log else None
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.mock = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(
            target=self.server.serve_forever, daemon=True
        ).start()

    def close(self):
        self.release()
        self.server.shutdown()
        if self.log:
            self.log.close()

    def hold(self):
        """The next SLOW streams until release()."""
        self.streaming.clear()
        self.released.clear()

    def release(self):
        self.released.set()

    def quiet_for(self):
        """Seconds since the last answer ended; 0 while one is under way."""
        with self.lock:
            return 0 if self.running else time.monotonic() - self.ended

    def received(self, request, path):
        if not request.tools:
            return  # a title or a summary that the program asks for itself
        with self.lock:
            self.requests += 1
            counts = {}
            for text in request.users:
                for name in set(ID.findall(text)):
                    counts[name] = counts.get(name, 0) + text.count(name)
                    self.texts.setdefault(name, text)
                    self.when.setdefault(name, time.monotonic())
            for name, count in counts.items():
                self.counts[name] = max(count, self.counts.get(name, 0))
            if self.log:
                self.log.write(json.dumps([path, request.turn]) + "\n")
                self.log.flush()

    def answer(self, request):
        """("tool", name, arguments) or ("text", pieces)."""
        last = "\n".join(request.turn)
        if request.tools and not request.result and "TOOLRUN" in last:
            for name, schema in request.tools:
                if SHELL_TOOLS.fullmatch(name or ""):
                    return "tool", name, self.arguments(schema or {})
        if request.tools and not request.result and "SLOW" in last:
            return "text", self.slow()
        return "text", iter(["OK, got it." if request.tools else "A title"])

    def slow(self):
        end = time.monotonic() + HOLD_S
        n = 0
        while not self.released.is_set() and time.monotonic() < end:
            n += 1
            yield f"word{n} " if n % 9 else f"\n\n- item {n} -> "
            self.streaming.set()
            self.released.wait(0.3)
        yield "the end."

    def arguments(self, schema):
        """A call of a shell tool that would make the marker file."""
        command = f"touch {self.marker}"
        values = {
            "cmd": command,
            "description": "Create a marker file",
            "sandbox_permissions": "require_escalated",
            "with_escalated_permissions": True,
            "justification": "May I create a marker file?",
        }
        out = {}
        for key, kind in schema.get("properties", {}).items():
            if key == "command":
                listed = kind.get("type") == "array"
                out[key] = ["bash", "-lc", command] if listed else command
            elif key in values:
                out[key] = values[key]
            elif key in schema.get("required", []):
                out[key] = {"boolean": False, "number": 1, "integer": 1}.get(
                    kind.get("type"), "x"
                )
        return out


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send_json(self, value, code=200):
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self):
        path = self.path.split("?")[0]
        if path.endswith("/models"):
            model = {"id": "mock-1", "object": "model", "created": 1,
                     "owned_by": "mock"}
            self.send_json({"object": "list", "data": [model], "models": []})
        else:
            self.send_json({}, 404 if "v1" in path else 200)

    def read_body(self):
        if self.headers.get("transfer-encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length")
                                       or 0))
        raw = b""
        while True:
            size = int(self.rfile.readline().strip() or b"0", 16)
            raw += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return raw

    def begin(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def event(self, data, name=None):
        text = data if isinstance(data, str) else json.dumps(data)
        out = (f"event: {name}\n" if name else "") + f"data: {text}\n\n"
        out = out.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(out), out))
        self.wfile.flush()

    def finish_events(self):
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def do_POST(self):
        mock = self.server.mock
        raw = self.read_body()
        if self.headers.get("content-encoding") == "gzip":
            import gzip
            raw = gzip.decompress(raw)
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            return self.send_json({}, 400)
        path = self.path.split("?")[0]
        if path.endswith("/messages"):
            handle, read = self.answer_anthropic, read_anthropic
        elif path.endswith("/responses"):
            handle, read = self.answer_responses, read_responses
        elif path.endswith("/chat/completions"):
            handle, read = self.answer_chat, read_chat
        elif "eneratecontent" in path.lower():
            handle, read = self.answer_gemini, read_gemini
        else:
            return self.send_json({"input_tokens": 10, "totalTokens": 10})
        request = read(body)
        mock.received(request, path)
        with mock.lock:
            mock.running += 1
        try:
            handle(body, mock.answer(request))
        except (BrokenPipeError, ConnectionResetError):
            pass  # the turn was interrupted
        finally:
            with mock.lock:
                mock.running -= 1
                mock.ended = time.monotonic()
        return None

    def answer_anthropic(self, body, answer):
        message = {
            "id": f"msg_{time.time_ns()}", "type": "message",
            "role": "assistant", "model": body.get("model", "m"),
            "content": [], "stop_reason": None, "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 1},
        }
        if not body.get("stream"):
            text = '{"isNewTopic":false,"title":"mock"}'
            if answer[0] == "text" and body.get("tools"):
                text = "".join(answer[1])
            message["content"] = [{"type": "text", "text": text}]
            message["stop_reason"] = "end_turn"
            return self.send_json(message)
        self.begin()
        self.event({"type": "message_start", "message": message},
                   "message_start")
        block = {"type": "text", "text": ""}
        if answer[0] == "tool":
            block = {"type": "tool_use", "id": f"toolu_{time.time_ns()}",
                     "name": answer[1], "input": {}}
        self.event({"type": "content_block_start", "index": 0,
                    "content_block": block}, "content_block_start")
        if answer[0] == "tool":
            deltas = [{"type": "input_json_delta",
                       "partial_json": json.dumps(answer[2])}]
        else:
            deltas = ({"type": "text_delta", "text": t} for t in answer[1])
        for delta in deltas:
            self.event({"type": "content_block_delta", "index": 0,
                        "delta": delta}, "content_block_delta")
        self.event({"type": "content_block_stop", "index": 0},
                   "content_block_stop")
        reason = "tool_use" if answer[0] == "tool" else "end_turn"
        self.event({"type": "message_delta",
                    "delta": {"stop_reason": reason, "stop_sequence": None},
                    "usage": {"output_tokens": 20}}, "message_delta")
        self.event({"type": "message_stop"}, "message_stop")
        return self.finish_events()

    def answer_responses(self, _, answer):
        self.begin()
        name = f"resp_{time.time_ns()}"
        self.event({"type": "response.created", "response": {"id": name}},
                   "response.created")
        if answer[0] == "tool":
            item = {"type": "function_call", "id": "fc_1",
                    "call_id": f"call_{time.time_ns()}", "name": answer[1],
                    "arguments": json.dumps(answer[2])}
        else:
            item = {"type": "message", "role": "assistant", "id": "m1",
                    "content": []}
            self.event({"type": "response.output_item.added",
                        "output_index": 0, "item": item},
                       "response.output_item.added")
            full = ""
            for text in answer[1]:
                full += text
                self.event({"type": "response.output_text.delta",
                            "item_id": "m1", "output_index": 0,
                            "content_index": 0, "delta": text},
                           "response.output_text.delta")
            item = {**item,
                    "content": [{"type": "output_text", "text": full}]}
        self.event({"type": "response.output_item.done", "output_index": 0,
                    "item": item}, "response.output_item.done")
        usage = {"input_tokens": 10, "input_tokens_details": None,
                 "output_tokens": 10, "output_tokens_details": None,
                 "total_tokens": 20}
        self.event({"type": "response.completed",
                    "response": {"id": name, "usage": usage}},
                   "response.completed")
        self.finish_events()

    def answer_chat(self, body, answer):
        base = {"id": "c1", "object": "chat.completion.chunk",
                "created": int(time.time()), "model": body.get("model", "m")}
        if not body.get("stream"):
            text = "".join(answer[1]) if answer[0] == "text" else "no"
            choice = {"index": 0, "finish_reason": "stop",
                      "message": {"role": "assistant", "content": text}}
            return self.send_json({**base, "object": "chat.completion",
                                   "choices": [choice], "usage": USAGE})

        def delta(value, reason=None, **more):
            self.event({**base, **more, "choices": [
                {"index": 0, "delta": value, "finish_reason": reason}]})

        self.begin()
        if answer[0] == "tool":
            call = {"index": 0, "id": f"call_{time.time_ns()}",
                    "type": "function",
                    "function": {"name": answer[1],
                                 "arguments": json.dumps(answer[2])}}
            delta({"role": "assistant", "content": None,
                   "tool_calls": [call]})
        else:
            for text in answer[1]:
                delta({"role": "assistant", "content": text})
        delta({}, "tool_calls" if answer[0] == "tool" else "stop",
              usage=USAGE)
        self.event("[DONE]")
        return self.finish_events()

    def answer_gemini(self, body, answer):
        def part(parts, reason=None):
            candidate = {"content": {"role": "model", "parts": parts},
                         "index": 0}
            if reason:
                candidate["finishReason"] = reason
            return {"candidates": [candidate], "modelVersion": "mock",
                    "usageMetadata": {"promptTokenCount": 10,
                                      "candidatesTokenCount": 5,
                                      "totalTokenCount": 15}}

        if "stream" not in self.path.lower():
            made = {"reasoning": "x", "model_choice": "flash",
                    "next_speaker": "user", "complexity_reasoning": "x",
                    "complexity_score": 10}
            settings = body.get("generationConfig") or {}
            wants = (settings.get("responseJsonSchema")
                     or settings.get("responseMimeType"))
            text = json.dumps(made) if wants else "mock"
            return self.send_json(part([{"text": text}], "STOP"))
        self.begin()
        if answer[0] == "tool":
            self.event(part([{"functionCall": {"name": answer[1],
                                               "args": answer[2]}}], "STOP"))
        else:
            for text in answer[1]:
                self.event(part([{"text": text}]))
            self.event(part([{"text": "."}], "STOP"))
        return self.finish_events()


def read_anthropic(body):
    request = Request()
    for message in body.get("messages", []):
        content = message.get("content", "")
        if message.get("role") == "assistant":
            request.answered()
            continue
        request.user(text_of(content))
        if isinstance(content, list) and any(
                part.get("type") == "tool_result" for part in content):
            request.result = True
    request.tools = [(t.get("name"), t.get("input_schema"))
                     for t in body.get("tools") or []]
    return request


def read_responses(body):
    request = Request()
    items = body.get("input", [])
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    for item in items:
        if item.get("role") == "assistant":
            request.answered()
        elif item.get("role") == "user":
            request.user(text_of(item.get("content")))
        elif item.get("type", "").endswith("_output"):
            request.result = True
    request.tools = [(t.get("name") or t.get("type"), t.get("parameters"))
                     for t in body.get("tools") or []]
    return request


def read_chat(body):
    request = Request()
    for message in body.get("messages", []):
        role = message.get("role")
        if role == "assistant":
            request.answered()
        elif role == "tool":
            request.result = True
        elif role == "user":
            request.user(text_of(message.get("content", "")))
    request.tools = [(t["function"].get("name"),
                      t["function"].get("parameters"))
                     for t in body.get("tools") or [] if "function" in t]
    return request


def read_gemini(body):
    request = Request()
    for content in body.get("contents", []):
        parts = content.get("parts", [])
        if content.get("role") == "model":
            request.answered()
            continue
        request.user(text_of(parts))
        if any("functionResponse" in part for part in parts):
            request.result = True
    request.tools = [
        (f.get("name"), f.get("parametersJsonSchema") or f.get("parameters"))
        for t in body.get("tools") or []
        for f in t.get("functionDeclarations", [])
    ]
    return request
