"""Which items to label next: selection and active semi-supervised learning, exact and at the machine's limit.

    import crc_active
    found = crc_active.select(features, labeled, budget=50, group_size=5)
    found.picks
"""

from . import weights
from ._crc import version
from .errors import Error
from .run import Prediction, Query, Run
from .selecting import Problem, acquisitions, register_acquisition, select
from .selection import Selection

__version__ = version()
del version

__all__ = ["Error", "Prediction", "Problem", "Query", "Run", "Selection", "__version__", "acquisitions",
           "register_acquisition", "select", "weights"]
