"""A telephone made of pjsua2. Tests order it about by lines on its standard input; it tells what happens by lines on its
standard output. Arguments: udp or tcp, its port, a WAV file that it says, a WAV file for what it hears."""

import select
import sys

import pjsua2 as pj


def tell(*words):
    print(*words, flush=True)


class Call(pj.Call):
    def __init__(self, phone, number=pj.PJSUA_INVALID_ID):
        super().__init__(phone.account, number)
        self.phone = phone

    def onCallState(self, _):
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            tell("confirmed")
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            tell("ended", info.lastStatusCode)

    def onCallMediaState(self, _):
        # The list lives only as long as what it is part of.
        info = self.getInfo()
        for index, medium in enumerate(info.media):
            if medium.type == pj.PJMEDIA_TYPE_AUDIO and medium.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                sound = self.getAudioMedia(index)
                self.phone.mouth.startTransmit(sound)
                sound.startTransmit(self.phone.ear)

    def onDtmfDigit(self, event):
        tell("key", event.digit)


class Account(pj.Account):
    def __init__(self, phone):
        super().__init__()
        self.phone = phone

    def onIncomingCall(self, event):
        self.phone.call = Call(self.phone, event.callId)
        answer = pj.CallOpParam()
        answer.statusCode = 180
        self.phone.call.answer(answer)
        tell("rings")


class Phone:
    def __init__(self, transport, port, says, hears):
        self.call = None
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        settings = pj.EpConfig()
        # Everything happens on this one thread.
        settings.uaConfig.threadCnt = 0
        # It sends pauses as well, so that packets tell how long it has talked.
        settings.medConfig.noVad = True
        settings.logConfig.level = 4
        settings.logConfig.consoleLevel = 0
        settings.logConfig.filename = hears + ".log"
        self.endpoint.libInit(settings)
        wire = pj.TransportConfig()
        wire.port = port
        wire.boundAddress = "127.0.0.1"
        kind = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP}[transport]
        number = self.endpoint.transportCreate(kind, wire)
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        self.mouth = pj.AudioMediaPlayer()
        self.mouth.createPlayer(says)
        self.ear = pj.AudioMediaRecorder()
        self.ear.createRecorder(hears)
        identity = pj.AccountConfig()
        identity.idUri = f"sip:door@127.0.0.1:{port}"
        identity.sipConfig.transportId = number
        self.account = Account(self)
        self.account.create(identity)

    def obey(self, order, *words):
        more = pj.CallOpParam(True)
        if order == "call":
            self.call = Call(self)
            self.call.makeCall(words[0], more)
        elif order == "answer":
            more.statusCode = 200
            self.call.answer(more)
        elif order == "hold":
            self.call.setHold(more)
        elif order == "resume":
            more.opt.flag = pj.PJSUA_CALL_UNHOLD
            self.call.reinvite(more)
        elif order == "hangup":
            self.call.hangup(more)
        else:
            raise ValueError(order)

    def live(self):
        """Until told to leave; then the recording is whole."""
        tell("ready")
        while True:
            self.endpoint.libHandleEvents(10)
            if select.select([sys.stdin], [], [], 0)[0]:
                words = sys.stdin.readline().split()
                if not words or words[0] == "quit":
                    break
                self.obey(*words)
        self.call = self.mouth = self.ear = self.account = None
        self.endpoint.libDestroy()


Phone(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]).live()
tell("left")
