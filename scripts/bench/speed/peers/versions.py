"""Prints what the Python peers run on, as JSON; fails where a package is missing."""

import json
import platform

import numpy
import scipy
import sklearn
import threadpoolctl

blas = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
print(
    json.dumps(
        {
            "python": platform.python_version(),
            "numpy": numpy.__version__,
            "scipy": scipy.__version__,
            "sklearn": sklearn.__version__,
            "blas": [f"{pool['internal_api']} {pool['version']} {pool.get('architecture', '')}".strip() for pool in blas],
            "blasThreads": [pool["num_threads"] for pool in blas],
        }
    )
)
