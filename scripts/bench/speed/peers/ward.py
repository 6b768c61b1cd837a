"""Ward's clustering by scipy or scikit-learn: reads rows of float32, prints {"seconds": ..., "coldSeconds": ...} as JSON: later
calls (as coldAndWarm in stats.mjs has them) and the first one.

    ward.py METHOD FILE ROWS COLUMNS
"""

import json
import sys
import time

import numpy as np
from scipy.cluster.hierarchy import linkage


def scipy_ward(points):
    return linkage(points, method="ward")


def sklearn_ward(points):
    from sklearn.cluster import AgglomerativeClustering

    return AgglomerativeClustering(n_clusters=1, linkage="ward", compute_full_tree=True).fit(points)


def gemm_ward(points):
    return linkage(gemm_distances(points), method="ward")


def gemm_distances(points):
    """Euclidean distances in condensed form from one matrix product, in place as far as numpy can."""
    gram = points @ points.T
    squares = np.diag(gram).copy()
    gram *= -2
    gram += squares[:, None]
    gram += squares[None, :]
    np.maximum(gram, 0, out=gram)
    np.sqrt(gram, out=gram)
    count = len(points)
    condensed = np.empty(count * (count - 1) // 2)
    start = 0
    for i in range(count - 1):
        condensed[start : start + count - 1 - i] = gram[i, i + 1 :]
        start += count - 1 - i
    return condensed


METHODS = {
    "scipy": (scipy_ward, np.float32),
    "sklearn": (sklearn_ward, np.float32),
    "dgemm": (gemm_ward, np.float64),
    "sgemm": (gemm_ward, np.float32),
}


LATER_CALLS = 3


def main():
    method, path, rows, columns = sys.argv[1:]
    cluster, dtype = METHODS[method]
    points = np.fromfile(path, dtype=np.float32).reshape(int(rows), int(columns)).astype(dtype)
    cluster(points[:64])  # imports, BLAS threads
    cold = seconds(cluster, points)
    later = [seconds(cluster, points) for _ in range(LATER_CALLS if cold < 1 else 1)]
    print(json.dumps({"seconds": float(np.median(later)), "coldSeconds": cold}))


def seconds(cluster, points):
    start = time.perf_counter()
    cluster(points)
    return time.perf_counter() - start


main()
