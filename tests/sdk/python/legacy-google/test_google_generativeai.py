"""Google's SDK of old, which speaks REST where it is told to.

It sends `$alt=json;enum-encoding=int`, and reads streams as arrays.
"""

import google.generativeai as genai
