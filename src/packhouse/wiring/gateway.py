"""The gateway part: keys and quotas from the meter, models and knowledge behind one router."""


