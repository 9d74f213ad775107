# Drives the server with NVIDIA's HTTP client, as any program in Python would: `tritonClient.py URL`.
# Models: digits (image FP32 [-1,1,8,8] -> logits FP32 [-1,10]), words (BYTES [n]), half (FP16 [n]),
# long (INT64 [n]). Prints one line for each check and ends with 1 when one fails.
import sys

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

client = http.InferenceServerClient(url=sys.argv[1], concurrency=4)
failed = False


def check(name, holds):
    global failed
    failed = failed or not holds
    print(("ok " if holds else "not ok ") + name)


def tensor(name, values, datatype, binary):
    value = http.InferInput(name, list(values.shape), datatype)
    value.set_data_from_numpy(values, binary_data=binary)
    return value


def refused(name, status, words, call):
    try:
        call()
    except InferenceServerException as error:
        check(name, error.status() == status and words in error.message())
    else:
        check(name, False)


check("server live", client.is_server_live())
check("server ready", client.is_server_ready())
check("model ready", client.is_model_ready("digits"))
check("model version ready", client.is_model_ready("digits", "1"))
check("unknown model is not ready", not client.is_model_ready("nope"))
check("server metadata", "binary_tensor_data" in client.get_server_metadata()["extensions"])
metadata = client.get_model_metadata("digits")
check("model metadata", metadata["platform"] == "onnxruntime_onnx" and metadata["inputs"] == [
    {"name": "image", "datatype": "FP32", "shape": [-1, 1, 8, 8]}])

pictures = (np.arange(5 * 64, dtype=np.float32).reshape(5, 1, 8, 8) * 7) % 16
results = []
for binary_in in (True, False):
    for binary_out in (True, False):
        result = client.infer(
            "digits",
            [tensor("image", pictures, "FP32", binary_in)],
            outputs=[http.InferRequestedOutput("logits", binary_data=binary_out)],
            request_id="r1",
        )
        results.append(result.as_numpy("logits"))
        check("the id comes back", result.get_response()["id"] == "r1")
check("shapes", all(result.shape == (5, 10) for result in results))
check("JSON and binary agree to the bit", all(np.array_equal(results[0], other) for other in results[1:]))
whole = client.infer("digits", [tensor("image", pictures, "FP32", True)])
check("all outputs when none is named", np.array_equal(whole.as_numpy("logits"), results[0]))
for algorithm in ("gzip", "deflate"):
    for binary in (True, False):
        packed = client.infer(
            "digits", [tensor("image", pictures, "FP32", binary)],
            request_compression_algorithm=algorithm, response_compression_algorithm=algorithm)
        check(algorithm + " request", np.array_equal(packed.as_numpy("logits"), results[0]))

waiting = [client.async_infer("digits", [tensor("image", pictures + i, "FP32", i % 2 == 0)]) for i in range(12)]
answers = [one.get_result().as_numpy("logits") for one in waiting]
again = [client.infer("digits", [tensor("image", pictures + i, "FP32", True)]).as_numpy("logits") for i in range(12)]
check("async inference", all(np.array_equal(a, b) for a, b in zip(answers, again)))

words = np.array(["", "na\u00efve \u2603", "a" * 300], dtype=np.object_)
for binary in (True, False):
    said = client.infer("words", [tensor("x", words, "BYTES", binary)],
                        outputs=[http.InferRequestedOutput("y", binary_data=binary)]).as_numpy("y")
    texts = [one.decode() if isinstance(one, bytes) else one for one in said]
    check("strings", texts == list(words))
half = np.array([1, -2.5, 65504, 6e-8], dtype=np.float16)
check("half floats", np.array_equal(client.infer("half", [tensor("x", half, "FP16", True)]).as_numpy("y"), half))
long = np.array([2**63 - 1, -(2**63), 2**53 + 1], dtype=np.int64)
for binary in (True, False):
    check("64-bit integers", np.array_equal(
        client.infer("long", [tensor("x", long, "INT64", binary)],
                     outputs=[http.InferRequestedOutput("y", binary_data=binary)]).as_numpy("y"), long))

refused("unknown model", "404", "Request for unknown model: 'nope' is not found",
        lambda: client.infer("nope", [tensor("image", pictures, "FP32", True)]))
refused("unknown version", "404", "version 9", lambda: client.get_model_metadata("digits", "9"))
refused("wrong shape", "400", "expects shape [-1,1,8,8]",
        lambda: client.infer("digits", [tensor("image", pictures[:, :, :4], "FP32", True)]))
refused("wrong datatype", "400", "expects datatype FP32; the request has FP64",
        lambda: client.infer("digits", [tensor("image", pictures.astype(np.float64), "FP64", True)]))
refused("wrong input", "400", "has no input 'picture'",
        lambda: client.infer("digits", [tensor("picture", pictures, "FP32", True)]))
client.close()
sys.exit(1 if failed else 0)
