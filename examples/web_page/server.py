"""Show the latest frame of a stream, with what was found in it, on a web page."""

import argparse
import contextlib
import io
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from edgequant_runtime import Task
from PIL import Image, ImageDraw

PAGE = b"""<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Camera</title><style>body{margin:1rem;font:1rem sans-serif}img{max-width:100%}</style>
<img id="frame" alt="The camera's latest frame"><pre id="answer"></pre>
<script>
async function next() {
  document.getElementById("frame").src = "/frame.jpg?" + Date.now();
  const found = await (await fetch("/answer.json")).json();
  const lines = (found.detections || []).map(d => (d.label || "#" + d.index) + " " + d.score.toFixed(2));
  document.getElementById("answer").textContent = "frame " + found.frame + "\\n" + lines.join("\\n");
  setTimeout(next, 200);
}
next();
</script>"""


class Latest:
    """The latest frame as JPEG and its answer as JSON, for all who ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._picture, self._answer = b"", b"{}"

    def put(self, picture: bytes, answer: bytes) -> None:
        """Keep a frame and its answer."""
        with self._lock:
            self._picture, self._answer = picture, answer

    def get(self, path: str) -> tuple[str, bytes] | None:
        """Return what is at a path, and its type."""
        with self._lock:
            found = {
                "/": ("text/html", PAGE),
                "/frame.jpg": ("image/jpeg", self._picture),
                "/answer.json": ("application/json", self._answer),
            }
            return found.get(path.partition("?")[0])


def colours(data: bytes, width: int, height: int) -> np.ndarray:
    """Turn a frame of YUV420 into (height, width, 3) colours."""
    half = ((height + 1) // 2, (width + 1) // 2)
    y, u, v = np.split(np.frombuffer(data, np.uint8), [width * height, width * height + half[0] * half[1]])
    planes = [Image.fromarray(plane.reshape(half)).resize((width, height)) for plane in (u, v)]
    luma = Image.fromarray(
        ((y.reshape(height, width).astype(np.float32) - 16) * 255 / 219).clip(0, 255).astype(np.uint8)
    )
    return np.asarray(Image.merge("YCbCr", [luma, *planes]).convert("RGB"))


def answer_frames(task: Task, width: int, height: int, latest: Latest) -> None:
    """Answer for each frame on standard input until it ends."""
    size = width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)
    number = 0
    while len(data := sys.stdin.buffer.read(size)) == size:
        pixels = colours(data, width, height)
        answer = task.run(pixels)
        image = Image.fromarray(pixels)
        canvas = ImageDraw.Draw(image)
        for found in answer.detections:
            canvas.rectangle(found.box, outline=(230, 159, 0), width=3)
            canvas.text((found.box[0] + 4, found.box[1] + 4), f"{found.label} {found.score:.2f}", fill=(230, 159, 0))
        picture = io.BytesIO()
        image.save(picture, "JPEG")
        latest.put(picture.getvalue(), json.dumps({"frame": number, **answer.to_dict()}).encode())
        number += 1


def serve(latest: Latest, address: str, port: int) -> ThreadingHTTPServer:
    """Start a server in threads of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = latest.get(self.path)
            if found is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", found[0])
            self.send_header("Content-Length", str(len(found[1])))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(found[1])

        def log_message(self, *_: object) -> None:
            """Say nothing: a page asks five times a second."""

    server = ThreadingHTTPServer((address, port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main() -> None:
    """Serve until the frames end and somebody presses Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--task")
    parser.add_argument("--frames", default="640x480:yuv420")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    width, height = (int(size) for size in given.frames.partition(":")[0].split("x"))
    latest = Latest()
    task = Task(given.model, given.task)
    serve(latest, given.address, given.port)
    print(f"http://{given.address}:{given.port}", flush=True)
    answer_frames(task, width, height, latest)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()  # the last frame stays there to look at


if __name__ == "__main__":
    main()
